{{/* True where others than this pod are answered: over TLS, on the port of administration. */}}
{{- define "peppol-authz.hasAdmin" -}}
{{- if or (eq .Values.mode "service") .Values.serviceMonitor.enabled }}true{{ end -}}
{{- end -}}

{{- define "peppol-authz.env" -}}
- name: PEPPOL_AUTHZ_CONFIG
  value: /etc/peppol-authz/settings/peppol-authz.toml
- name: PEPPOL_AUTHZ_LISTEN
  value: {{ ternary "0.0.0.0:8443" "127.0.0.1:8180" (eq .Values.mode "service") | quote }}
{{- if eq .Values.mode "service" }}
- name: PEPPOL_AUTHZ_TLS__CERTIFICATE
  value: /etc/peppol-authz/tls/tls.crt
- name: PEPPOL_AUTHZ_TLS__KEY
  value: /etc/peppol-authz/tls/tls.key
{{- with .Values.tls.clientCa }}
{{- if .secret }}
- name: PEPPOL_AUTHZ_TLS__CLIENT_CA
  value: /etc/peppol-authz/clients/{{ .key }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "peppol-authz.hasAdmin" . }}
- name: PEPPOL_AUTHZ_ADMIN__LISTEN
  value: "0.0.0.0:8444"
- name: PEPPOL_AUTHZ_ADMIN__CERTIFICATE
  value: /etc/peppol-authz/tls/tls.crt
- name: PEPPOL_AUTHZ_ADMIN__KEY
  value: /etc/peppol-authz/tls/tls.key
{{- with .Values.tls.clientCa }}
{{- if .secret }}
- name: PEPPOL_AUTHZ_ADMIN__CLIENT_CA
  value: /etc/peppol-authz/clients/{{ .key }}
{{- end }}
{{- end }}
# The kubelet has no certificate.
- name: PEPPOL_AUTHZ_ADMIN__CLIENT_CERTIFICATE
  value: optional
{{- end }}
{{- if .Values.callers.secret }}
- name: PEPPOL_AUTHZ_CALLERS__FILE
  value: /etc/peppol-authz/callers/{{ .Values.callers.key }}
{{- end }}
{{- if .Values.searchKey.secret }}
- name: PEPPOL_AUTHZ_SEARCH__TOKEN_KEY_FILE
  value: /etc/peppol-authz/search/{{ .Values.searchKey.key }}
{{- end }}
# A sidecar ends after its gateway: nobody is left to notice.
- name: PEPPOL_AUTHZ_SERVER__DRAIN_DELAY
  value: {{ ternary .Values.drain.delaySeconds 0 (eq .Values.mode "service") | int }}s
- name: PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT
  value: {{ .Values.drain.timeoutSeconds | int }}s
{{- with .Values.tenancy }}
- name: PEPPOL_AUTHZ_TENANCY
  {{- if .secret.name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret.name }}
      key: {{ .secret.key }}
  {{- else }}
  value: {{ .source | quote }}
  {{- end }}
{{- if .documents.configMap }}
- name: PEPPOL_AUTHZ_IMPORT
  {{- $paths := list }}
  {{- range .documents.keys }}{{ $paths = append $paths (printf "/etc/peppol-authz/documents/%s" .) }}{{ end }}
  value: {{ $paths | toJson | quote }}
{{- end }}
{{- end }}
{{- if .Values.migration.enabled }}
- name: PEPPOL_AUTHZ_STORE__MIGRATE
  value: "false"
{{- end }}
{{- include "peppol-authz.storeEnv" . }}
{{- if .Values.policies.configMap }}
- name: PEPPOL_AUTHZ_POLICIES
  value: /etc/peppol-authz/policies
{{- end }}
{{- if .Values.schema.configMap }}
- name: PEPPOL_AUTHZ_SCHEMA
  value: /etc/peppol-authz/schema
{{- end }}
{{- if .Values.routes.configMap }}
- name: PEPPOL_AUTHZ_ROUTES
  value: /etc/peppol-authz/routes/{{ .Values.routes.key }}
{{- end }}
- name: PEPPOL_AUTHZ_LOG__FORMAT
  value: json
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Each directory that is mounted: its name, and a volume if it is there. */}}
{{- define "peppol-authz.mounts" -}}
- name: settings
  mountPath: /etc/peppol-authz/settings
  readOnly: true
{{- if .Values.tls.secret }}
- name: tls
  mountPath: /etc/peppol-authz/tls
  readOnly: true
{{- end }}
{{- if .Values.tls.clientCa.secret }}
- name: clients
  mountPath: /etc/peppol-authz/clients
  readOnly: true
{{- end }}
{{- if .Values.callers.secret }}
- name: callers
  mountPath: /etc/peppol-authz/callers
  readOnly: true
{{- end }}
{{- if .Values.searchKey.secret }}
- name: search
  mountPath: /etc/peppol-authz/search
  readOnly: true
{{- end }}
{{- range $name := list "policies" "schema" "routes" }}
{{- if (index $.Values $name).configMap }}
- name: {{ $name }}
  mountPath: /etc/peppol-authz/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- if .Values.tenancy.documents.configMap }}
- name: documents
  mountPath: /etc/peppol-authz/documents
  readOnly: true
{{- end }}
{{- include "peppol-authz.storeMounts" . }}
- name: state
  mountPath: /var/lib/peppol-authz
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "peppol-authz.volumes" -}}
- name: settings
  configMap:
    name: {{ include "peppol-authz.fullname" . }}
{{- range $name, $secret := dict "tls" .Values.tls.secret "clients" .Values.tls.clientCa.secret "callers" .Values.callers.secret "search" .Values.searchKey.secret }}
{{- if $secret }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret }}
    # Read through the group of `fsGroup`.
    defaultMode: 0440
{{- end }}
{{- end }}
{{- range $name, $map := dict "policies" .Values.policies.configMap "schema" .Values.schema.configMap "routes" .Values.routes.configMap "documents" .Values.tenancy.documents.configMap }}
{{- if $map }}
- name: {{ $name }}
  configMap:
    name: {{ $map }}
{{- end }}
{{- end }}
{{- include "peppol-authz.storeVolumes" . }}
- name: state
  emptyDir: {}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A service is asked over TLS by the kubelet. A sidecar has only the loopback interface: it asks itself. */}}
{{- define "peppol-authz.probe" -}}
{{- if eq .mode "service" -}}
httpGet:
  path: {{ ternary "/readyz" "/livez" .ready }}
  port: admin
  scheme: HTTPS
{{- else -}}
exec:
  command: [/peppol-authz, health, --listen, "127.0.0.1:8180"{{ if .ready }}, --ready{{ end }}]
{{- end -}}
{{- end -}}

{{- define "peppol-authz.container" -}}
name: peppol-authz
image: {{ include "peppol-authz.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if eq .Values.mode "sidecar" }}
# Before the gateway, and until it has ended.
restartPolicy: Always
{{- end }}
args: [serve]
env:
  {{- include "peppol-authz.env" . | nindent 2 }}
{{- if include "peppol-authz.hasAdmin" . }}
ports:
  {{- if eq .Values.mode "service" }}
  - name: https
    containerPort: 8443
  {{- end }}
  - name: admin
    containerPort: 8444
{{- end }}
startupProbe:
  {{- include "peppol-authz.probe" (dict "mode" .Values.mode "ready" (eq .Values.mode "sidecar")) | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 120
readinessProbe:
  {{- include "peppol-authz.probe" (dict "mode" .Values.mode "ready" true) | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  {{- include "peppol-authz.probe" (dict "mode" .Values.mode "ready" false) | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "peppol-authz.securityContext" . | nindent 2 }}
volumeMounts:
  {{- include "peppol-authz.mounts" . | nindent 2 }}
{{- end -}}
