{{/* Which overlay this is: see MODES in tests/xtask/src/chart.rs. */}}
{{- define "quarterdeck.mode" -}}
{{- if .Values.missions.enabled }}missions{{ else if .Values.storage.enabled }}patrol{{ else }}patrol-without-storage{{ end -}}
{{- end }}

{{/* The keys of Secrets that some mission may have, as the admission policy reads them: NAME/KEY, with commas between. */}}
{{- define "quarterdeck.secrets" -}}
{{- $all := list }}
{{- range $secret := .Values.missions.builder.secrets }}
{{- range .keys }}
{{- $all = append $all (printf "%s/%s" $secret.name .) }}
{{- end }}
{{- end }}
{{- $all | uniq | join ", " -}}
{{- end }}
