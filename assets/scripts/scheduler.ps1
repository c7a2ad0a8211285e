# Reading: the scheduler of Entra Connect, and whether anything runs right now.
# Values: {}
# Result: {"time": <this machine's clock>, "enabled": <bool>, "suspended": <bool>, "staging": <bool>, "maintenance": <bool>,
#   "interval": <seconds or null>, "next": <time or null>, "running": <bool>}
Complete-Request 'scheduler' {
    param($values)
    Import-Connect
    $scheduler = Get-ADSyncScheduler
    $interval = Get-Field $scheduler 'CurrentlyEffectiveSyncCycleInterval'
    if ($null -ne $interval) { $interval = [int] ([TimeSpan] $interval).TotalSeconds }
    $next = Get-Field $scheduler 'NextSyncCycleStartTimeInUTC'
    # It is in UTC by name, whatever its own kind says.
    if ($null -ne $next) { $next = [DateTime]::SpecifyKind([DateTime] $next, [DateTimeKind]::Utc).ToString('o') }
    [ordered] @{
        time = (Get-Now)
        enabled = [bool] $scheduler.SyncCycleEnabled
        suspended = [bool] $scheduler.SchedulerSuspended
        staging = [bool] $scheduler.StagingModeEnabled
        maintenance = [bool] $scheduler.MaintenanceEnabled
        interval = $interval
        next = $next
        running = (@(Get-ADSyncConnectorRunStatus | Where-Object { $_ }).Count -gt 0)
    }
}
