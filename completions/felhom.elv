# Completion for elvish: the script comes from the felhom that is installed.
eval (felhom completions elvish | slurp)
