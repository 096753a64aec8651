"""Grafana's files: `python -m infra.grafana` writes the dashboards and the alert; tests compare what git holds."""
