//! The completion files that packages install: they ask the installed felhom for its script, so they are never older than it.

/// The files by name.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    vec![
        file(
            "felhom.bash",
            "# Completion for bash: the script comes from the felhom that is installed.\nsource <(felhom completions bash)\n",
        ),
        file(
            "_felhom",
            "#compdef felhom\n# Completion for zsh: the script comes from the felhom that is installed.\nsource <(felhom completions zsh)\n\
             # The first time, zsh loads this file in order to complete; then it must also do so.\n\
             [[ $funcstack[1] != _felhom ]] || _clap_dynamic_completer_felhom\n",
        ),
        file(
            "felhom.fish",
            "# Completion for fish: the script comes from the felhom that is installed.\nfelhom completions fish | source\n",
        ),
        file(
            "felhom.ps1",
            "# Completion for PowerShell: the script comes from the felhom that is installed.\n\
             felhom completions powershell | Out-String | Invoke-Expression\n",
        ),
        file(
            "felhom.elv",
            "# Completion for elvish: the script comes from the felhom that is installed.\neval (felhom completions elvish | slurp)\n",
        ),
    ]
}
