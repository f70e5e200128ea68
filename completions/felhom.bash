# Completion for bash: the script comes from the felhom that is installed.
source <(felhom completions bash)
