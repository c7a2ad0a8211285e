# Reading: whether password writeback is on, where this version of Entra Connect has the command that tells.
# Values: {}
# Result: {"time": <this machine's clock>, "connector": <name>, "answered": <whether the command is there>, "enabled": <bool or null>}
Complete-Request 'writeback' {
    param($values)
    Import-Connect
    $connector = Get-EntraConnector
    $enabled = $null
    $answered = [bool] (Get-Command 'Get-ADSyncAADPasswordResetConfiguration' -ErrorAction SilentlyContinue)
    if ($answered) { $enabled = Get-Field (Get-ADSyncAADPasswordResetConfiguration -Connector $connector) 'Enabled' }
    [ordered] @{ time = (Get-Now); connector = $connector; answered = $answered; enabled = $enabled }
}
