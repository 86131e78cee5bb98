{{- /*
What the schema cannot say, all at once: values that need each other or contradict each other. A value that would have no effect
is one of them, since whoever set it expects one.
*/ -}}
{{- define "chartferry.problems" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- if not $v.image.repository }}
{{- $problems = append $problems "`image.repository` is empty: name the image, such as registry.example.com/chartferry" }}
{{- end }}
{{- if and (not $v.config) (not $v.existingConfigMap.name) }}
{{- $problems = append $problems "there is no configuration: give its text as `config` (--set-file config=config.toml) or a ConfigMap as `existingConfigMap.name`" }}
{{- end }}
{{- if and $v.config $v.existingConfigMap.name }}
{{- $problems = append $problems "`config` and `existingConfigMap.name` are both given; one of them decides" }}
{{- end }}
{{- if and $v.registryCredentials.existingSecret $v.registryCredentials.dockerConfigJson }}
{{- $problems = append $problems "`registryCredentials.existingSecret` and `registryCredentials.dockerConfigJson` are both given; one of them decides" }}
{{- end }}
{{- if and $v.caBundle.configMap $v.caBundle.secret }}
{{- $problems = append $problems "`caBundle.configMap` and `caBundle.secret` are both given; one of them decides" }}
{{- end }}
{{- if and $v.persistence.existingClaim (not $v.persistence.enabled) }}
{{- $problems = append $problems "`persistence.existingClaim` has no effect without `persistence.enabled`" }}
{{- end }}
{{- $problems = concat $problems (include "chartferry.problemsOfEnv" . | fromJsonArray) }}
{{- $problems = concat $problems (include "chartferry.problemsOfMode" . | fromJsonArray) }}
{{- if $problems }}
{{- fail (printf "\n\nchartferry cannot be installed with these values:\n  - %s\n" (join "\n  - " $problems)) }}
{{- end }}
{{- end }}

{{- /* Kubernetes refuses a variable that is there twice, or takes the last one: neither is what was meant. */ -}}
{{- define "chartferry.problemsOfEnv" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- $ours := dict
  "CHARTFERRY__STATE_DIR" "use `persistence`"
  "CHARTFERRY__GRACE" "use `graceSeconds`"
  "CHARTFERRY__LOG" "use `log.level`"
  "CHARTFERRY__LOG_FORMAT" "use `log.format`"
  "CHARTFERRY__HTTP__LISTEN" "use `service.port`"
  "CHARTFERRY__HTTP__TOKEN_FILE" "use `http.triggerToken`"
  "CHARTFERRY__LEASE__NAME" "use `lease.name`"
  "POD_NAME" "leave it out"
  "CHARTFERRY_SHARDS" "use `job.shards`" }}
{{- if include "chartferry.credentials" . }}
{{- $_ := set $ours "DOCKER_CONFIG" "use one of the two, it or `registryCredentials`" }}
{{- end }}
{{- if or $v.caBundle.configMap $v.caBundle.secret }}
{{- $_ := set $ours "SSL_CERT_DIR" "use one of the two, it or `caBundle`" }}
{{- end }}
{{- range $variable := $v.env }}
{{- with get $ours $variable.name }}
{{- $problems = append $problems (printf "`env` sets `%s`, which the chart sets; %s" $variable.name .) }}
{{- end }}
{{- end }}
{{- toJson $problems }}
{{- end }}

{{- define "chartferry.problemsOfMode" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- if eq $v.mode "service" }}
{{- if and (gt (int $v.replicas) 1) $v.persistence.enabled }}
{{- $problems = append $problems "two replicas cannot share a state folder, so `persistence.enabled` needs `replicas: 1`; of two each keeps its own, as long as its pod lives" }}
{{- end }}
{{- if and $v.lease.name (le (int $v.replicas) 1) }}
{{- $problems = append $problems "`lease.name` has no effect with one replica, which needs no Lease" }}
{{- end }}
{{- range $key := list "mirrors" "exitZeroOn" "activeDeadlineSeconds" "ttlSecondsAfterFinished" }}
{{- if get $v.run $key }}
{{- $problems = append $problems (printf "`run.%s` has no effect in mode `service`" $key) }}
{{- end }}
{{- end }}
{{- else }}
{{- $only := dict
  "serviceMonitor.enabled" $v.serviceMonitor.enabled
  "prometheusRule.enabled" $v.prometheusRule.enabled
  "dashboard.enabled" $v.dashboard.enabled
  "http.triggerToken.existingSecret" $v.http.triggerToken.existingSecret
  "networkPolicy.ingressNamespaces" $v.networkPolicy.ingressNamespaces
  "lease.name" $v.lease.name
  "replicas" (gt (int $v.replicas) 1) }}
{{- range $key, $set := $only }}
{{- if $set }}
{{- $problems = append $problems (printf "`%s` needs mode `service`; the mode is `%s`" $key $v.mode) }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq $v.mode "job" }}
{{- if $v.persistence.enabled }}
{{- $problems = append $problems "the pods of a Job cannot share a state folder: `persistence.enabled` is for the modes `service` and `cronjob`" }}
{{- end }}
{{- if gt (int (default 1 $v.job.parallelism)) (int $v.job.shards) }}
{{- $problems = append $problems (printf "`job.parallelism` is %d, but there are %d `job.shards`" (int $v.job.parallelism) (int $v.job.shards)) }}
{{- end }}
{{- if gt (int (default 0 $v.job.maxFailedIndexes)) (int $v.job.shards) }}
{{- $problems = append $problems (printf "`job.maxFailedIndexes` is %d, but there are %d `job.shards`" (int $v.job.maxFailedIndexes) (int $v.job.shards)) }}
{{- end }}
{{- end }}
{{- toJson $problems }}
{{- end }}
