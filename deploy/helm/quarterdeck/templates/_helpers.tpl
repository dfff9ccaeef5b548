{{/* Which overlay this is: see MODES in tests/xtask/src/chart.rs. */}}
{{- define "quarterdeck.mode" -}}
{{- if .Values.missions.enabled }}missions{{ else if .Values.storage.enabled }}patrol{{ else }}patrol-without-storage{{ end -}}
{{- end }}
