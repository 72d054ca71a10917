"""The adapter to Azure Communication Services: recording operations and file storage over HTTPS.

`client.AcsClient` implements `ports.cloud.Cloud`; `runtime.wiring` builds it and nothing else
imports this package. It decides nothing: no retry, no schedule, no policy. Importing the package,
`endpoint`, `credentials`, `signing`, `url_guard`, `wire` or `errors` loads no HTTP library.
"""
