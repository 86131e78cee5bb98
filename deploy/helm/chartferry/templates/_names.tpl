{{- /* Names, labels and references that several templates share. */ -}}

{{- define "chartferry.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" }}
{{- end }}

{{- /* At most 48 characters: a CronJob may have 52, and a pod of an Indexed Job is called NAME-HASH-INDEX in at most 63. */ -}}
{{- define "chartferry.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- $name := include "chartferry.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What every pod of the release has, whatever the mode. */ -}}
{{- define "chartferry.instanceLabels" -}}
app.kubernetes.io/name: {{ include "chartferry.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Selects the pods of the mode; a Deployment's selector can never change. */ -}}
{{- define "chartferry.selectorLabels" -}}
{{ include "chartferry.instanceLabels" . }}
app.kubernetes.io/component: {{ .Values.mode }}
{{- end }}

{{- /* Labels of an object, also as `chartferry.labelsAnd`, which takes `root` and `own`. */ -}}
{{- define "chartferry.labels" -}}
{{- include "chartferry.labelsAnd" (dict "root" . "own" dict) }}
{{- end }}

{{- define "chartferry.labelsAnd" -}}
{{- $own := .own }}
{{- with .root }}
{{- $ours := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "chartferry.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/component" .Values.mode
  "app.kubernetes.io/version" (.Chart.AppVersion | toString)
  "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (mergeOverwrite (deepCopy .Values.labels) (deepCopy $own) $ours) }}
{{- end }}
{{- end }}

{{- /* Annotations of an object: those of every object and its own. Takes `root` and `own`; indented for `metadata`. */ -}}
{{- define "chartferry.annotations" -}}
{{- with mergeOverwrite (deepCopy .root.Values.annotations) (deepCopy (default dict .own)) }}
  annotations:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "chartferry.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "chartferry.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "chartferry.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "chartferry.configMap" -}}
{{- default (include "chartferry.fullname" .) .Values.existingConfigMap.name }}
{{- end }}

{{- define "chartferry.configKey" -}}
{{- ternary .Values.existingConfigMap.key "config.toml" (ne .Values.existingConfigMap.name "") }}
{{- end }}

{{- /* The Secret with the logins; empty if there is none. */ -}}
{{- define "chartferry.credentials" -}}
{{- if .Values.registryCredentials.existingSecret }}
{{- .Values.registryCredentials.existingSecret }}
{{- else if .Values.registryCredentials.dockerConfigJson }}
{{- printf "%s-registry" (include "chartferry.fullname" .) }}
{{- end }}
{{- end }}

{{- define "chartferry.lease" -}}
{{- default (include "chartferry.fullname" .) .Values.lease.name }}
{{- end }}

{{- /* Not empty if replicas share a Lease. */ -}}
{{- define "chartferry.leads" -}}
{{- if and (eq .Values.mode "service") (gt (int .Values.replicas) 1) }}yes{{ end }}
{{- end }}

{{- define "chartferry.claim" -}}
{{- default (printf "%s-state" (include "chartferry.fullname" .)) .Values.persistence.existingClaim }}
{{- end }}
