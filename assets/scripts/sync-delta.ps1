# Changing: starts a delta cycle of Entra Connect, unless one runs, the scheduler is suspended (the wizard is open) or the server is staging.
# Values: {}
# Result: {"time": <this machine's clock>, "started": <bool>, "why": <"running", "suspended", "staging" or null>}
Complete-Request 'sync-delta' {
    param($values)
    Import-Connect
    $time = Get-Now
    $scheduler = Get-ADSyncScheduler
    $why = $null
    if ($scheduler.SchedulerSuspended) { $why = 'suspended' }
    elseif ($scheduler.StagingModeEnabled) { $why = 'staging' }
    elseif (@(Get-ADSyncConnectorRunStatus | Where-Object { $_ }).Count -gt 0) { $why = 'running' }
    if (-not $why) { [void] (Start-ADSyncSyncCycle -PolicyType Delta) }
    [ordered] @{ time = $time; started = (-not $why); why = $why }
}
