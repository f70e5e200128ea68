# Completion for PowerShell: the script comes from the felhom that is installed.
felhom completions powershell | Out-String | Invoke-Expression
