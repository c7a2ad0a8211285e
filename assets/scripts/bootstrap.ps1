# Runs a script on this machine: one JSON document on standard input, which then ends; every value in it is base64.
#   {"script": <text>, "request": <as the script takes it>, "secret": <as the script takes it, or empty>}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$reader = New-Object IO.StreamReader ([Console]::OpenStandardInput(), [Text.Encoding]::ASCII)
$document = $reader.ReadToEnd() | ConvertFrom-Json
$text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($document.script))
& ([scriptblock]::Create($text)) -Request $document.request -Secret $document.secret
