# Changing: switches password writeback on or off by a command that Microsoft does not document any more; the wizard is the usual way.
# Values: {"enable": <bool>, "seconds": <how long it may take; it may ask for a person's sign-in, which nobody can give here>}
# Result: {"time": <this machine's clock>, "ended": <bool>, "said": <at most 400 characters>, "enabled": <bool or null>}
Complete-Request 'set-writeback' {
    param($values)
    Import-Connect
    if (-not (Get-Command 'Set-ADSyncAADPasswordResetConfiguration' -ErrorAction SilentlyContinue)) { throw 'this version of Entra Connect has no such command' }
    $time = Get-Now
    $connector = Get-EntraConnector
    # A process of its own: what waits for a person there can be ended.
    $job = Start-Job -ArgumentList $connector, ([bool] $values.enable) -ScriptBlock {
        param($connector, $enable)
        $ErrorActionPreference = 'Stop'
        Import-Module 'C:\Program Files\Microsoft Azure AD Sync\Bin\ADSync'
        Set-ADSyncAADPasswordResetConfiguration -Connector $connector -Enable $enable
    }
    try {
        $ended = [bool] (Wait-Job -Job $job -Timeout ([int] $values.seconds))
        if (-not $ended) { Stop-Job -Job $job }
        $said = (Receive-Job -Job $job -ErrorAction Continue 2>&1 | Out-String).Trim()
    } finally {
        Remove-Job -Job $job -Force
    }
    if ($said.Length -gt 400) { $said = $said.Substring(0, 400) }
    $enabled = Get-Field (Get-ADSyncAADPasswordResetConfiguration -Connector $connector) 'Enabled'
    [ordered] @{ time = $time; ended = $ended; said = $said; enabled = $enabled }
}
