# Reading: whether the AD tools of RSAT are installed; only a server can tell.
# Values: {}
# Result: {"time": <this machine's clock>, "answered": <whether the command is there>, "installed": <bool or null>}
Complete-Request 'rsat' {
    param($values)
    $installed = $null
    $answered = [bool] (Get-Command 'Get-WindowsFeature' -ErrorAction SilentlyContinue)
    if ($answered) { $installed = [bool] (Get-WindowsFeature -Name 'RSAT-AD-Tools').Installed }
    [ordered] @{ time = (Get-Now); answered = $answered; installed = $installed }
}
