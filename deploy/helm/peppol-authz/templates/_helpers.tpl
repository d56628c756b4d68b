{{- define "peppol-authz.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "peppol-authz.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "peppol-authz.labels" -}}
{{ include "peppol-authz.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "peppol-authz.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "peppol-authz.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What pods and the job of the migration know of the store: variables, mounts, volumes. */}}
{{- define "peppol-authz.storeEnv" -}}
{{- with .Values.tenancy.ca.secret }}
- name: PEPPOL_AUTHZ_STORE__CA_CERTIFICATE
  value: /etc/peppol-authz/store/{{ $.Values.tenancy.ca.key }}
{{- end }}
{{- if .Values.additions.configMap }}
- name: PEPPOL_AUTHZ_ADDITIONS
  value: /etc/peppol-authz/additions
{{- end }}
{{- end -}}

{{- define "peppol-authz.storeMounts" -}}
{{- if .Values.tenancy.ca.secret }}
- name: store-ca
  mountPath: /etc/peppol-authz/store
  readOnly: true
{{- end }}
{{- if .Values.additions.configMap }}
- name: additions
  mountPath: /etc/peppol-authz/additions
  readOnly: true
{{- end }}
{{- end -}}

{{- define "peppol-authz.storeVolumes" -}}
{{- with .Values.tenancy.ca.secret }}
- name: store-ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.additions }}
{{- if .configMap }}
- name: additions
  configMap:
    name: {{ .configMap }}
    {{- with .items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}
