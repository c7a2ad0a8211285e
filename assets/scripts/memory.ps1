# Reading: how much memory this machine has.
# Values: {}
# Result: {"time": <this machine's clock>, "bytes": n}
Complete-Request 'memory' {
    param($values)
    [ordered] @{ time = (Get-Now); bytes = [long] (Get-CimInstance -ClassName 'Win32_ComputerSystem').TotalPhysicalMemory }
}
