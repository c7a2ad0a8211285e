# Reading: whether TLS 1.2 is switched on for Windows and for .NET, and which .NET there is. Null: the value is not set.
# Values: {}
# Result: {"time": <this machine's clock>, "release": <number of .NET or null>, "framework": [{"key": <path>, "systemDefault": n, "strongCrypto": n}],
#   "schannel": [{"key": <path>, "enabled": n, "disabledByDefault": n}]}
Complete-Request 'tls' {
    param($values)
    $framework = New-Object Collections.ArrayList
    foreach ($key in 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\.NETFramework\v4.0.30319', 'HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\.NETFramework\v4.0.30319') {
        [void] $framework.Add([ordered] @{
            key = $key
            systemDefault = [Microsoft.Win32.Registry]::GetValue($key, 'SystemDefaultTlsVersions', $null)
            strongCrypto = [Microsoft.Win32.Registry]::GetValue($key, 'SchUseStrongCrypto', $null)
        })
    }
    $schannel = New-Object Collections.ArrayList
    foreach ($side in 'Client', 'Server') {
        $key = "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\$side"
        [void] $schannel.Add([ordered] @{
            key = $key
            enabled = [Microsoft.Win32.Registry]::GetValue($key, 'Enabled', $null)
            disabledByDefault = [Microsoft.Win32.Registry]::GetValue($key, 'DisabledByDefault', $null)
        })
    }
    $release = [Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full', 'Release', $null)
    [ordered] @{ time = (Get-Now); release = $release; framework = $framework.ToArray(); schannel = $schannel.ToArray() }
}
