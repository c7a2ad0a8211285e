# Reading: whether the service of Entra Connect is there and runs, and the version of its program.
# Values: {}
# Result: {"time": <this machine's clock>, "service": <"Running", "Stopped", ..., or null: there is none>, "version": <text or null>}
Complete-Request 'connect-service' {
    param($values)
    $status = $null
    $service = Get-Service -Name 'ADSync' -ErrorAction SilentlyContinue
    if ($service) { $status = "$($service.Status)" }
    $version = $null
    $program = 'C:\Program Files\Microsoft Azure AD Sync\Bin\miiserver.exe'
    if (Test-Path -LiteralPath $program) { $version = [Diagnostics.FileVersionInfo]::GetVersionInfo($program).ProductVersion }
    [ordered] @{ time = (Get-Now); service = $status; version = $version }
}
