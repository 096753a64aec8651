"""The face: REST, WebSockets and pages over what the pipeline has stored and how it stands."""
