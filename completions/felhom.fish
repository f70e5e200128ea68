# Completion for fish: the script comes from the felhom that is installed.
felhom completions fish | source
