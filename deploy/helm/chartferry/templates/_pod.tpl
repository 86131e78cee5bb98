{{- /*
The pod, the same in every mode: takes `root`, `args`, `env` (a list), and as switches `restart` (policy), `keep` (the state is on
the volume), `api` (it talks to Kubernetes), `serves` (it listens).

The restricted Pod Security Standard is part of the template and not of the values: nothing that chartferry does needs more.
*/ -}}
{{- define "chartferry.pod" -}}
{{- $root := .root }}
{{- $v := $root.Values }}
{{- $credentials := include "chartferry.credentials" $root -}}
serviceAccountName: {{ include "chartferry.serviceAccount" $root }}
automountServiceAccountToken: {{ .api }}
# Variables of the namespace's Services are of no use here, and their names could be taken for settings
enableServiceLinks: false
{{- with .restart }}
restartPolicy: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ add $v.graceSeconds 10 }}
securityContext:
  runAsNonRoot: true
  {{- with $v.podSecurityContext.runAsUser }}
  runAsUser: {{ int64 . }}
  {{- end }}
  {{- with $v.podSecurityContext.runAsGroup }}
  runAsGroup: {{ int64 . }}
  {{- end }}
  {{- with $v.podSecurityContext.fsGroup }}
  fsGroup: {{ int64 . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with $v.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: chartferry
    image: {{ include "chartferry.image" $root | quote }}
    imagePullPolicy: {{ $v.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      - name: CHARTFERRY__STATE_DIR
        value: /var/lib/chartferry
      - name: CHARTFERRY__GRACE
        value: {{ printf "%ds" (int $v.graceSeconds) | quote }}
      {{- with $v.log.level }}
      - name: CHARTFERRY__LOG
        value: {{ . | quote }}
      {{- end }}
      {{- with $v.log.format }}
      - name: CHARTFERRY__LOG_FORMAT
        value: {{ . | quote }}
      {{- end }}
      {{- if $credentials }}
      - name: DOCKER_CONFIG
        value: /run/secrets/chartferry-registry
      {{- end }}
      {{- if or $v.caBundle.configMap $v.caBundle.secret }}
      # Both folders are read: the image's authorities, and these
      - name: SSL_CERT_DIR
        value: /etc/ssl/certs:/etc/chartferry-ca
      {{- end }}
      {{- with concat .env $v.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $v.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if .serves }}
    ports:
      - name: http
        containerPort: 8080
        protocol: TCP
    startupProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: 20
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    {{- end }}
    {{- with $v.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      privileged: false
      readOnlyRootFilesystem: true
      runAsNonRoot: true
      capabilities:
        drop: [ALL]
      seccompProfile:
        type: RuntimeDefault
    volumeMounts:
      # The whole folder, so that the kubelet replaces the file when the ConfigMap changes
      - name: config
        mountPath: /etc/chartferry
        readOnly: true
      - name: state
        mountPath: /var/lib/chartferry
      - name: tmp
        mountPath: /tmp
      {{- if $credentials }}
      - name: registry
        mountPath: /run/secrets/chartferry-registry
        readOnly: true
      {{- end }}
      {{- range $at, $secret := $v.secretMounts }}
      - name: secret-{{ $at }}
        mountPath: /run/secrets/chartferry/{{ $secret.name }}
        readOnly: true
      {{- end }}
      {{- if .serves }}
      {{- if $v.http.triggerToken.existingSecret }}
      - name: trigger
        mountPath: /run/secrets/chartferry-trigger
        readOnly: true
      {{- end }}
      {{- end }}
      {{- if or $v.caBundle.configMap $v.caBundle.secret }}
      - name: ca
        mountPath: /etc/chartferry-ca
        readOnly: true
      {{- end }}
      {{- with $v.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- include "chartferry.volumes" . }}
{{- include "chartferry.placement" . }}
{{- end }}

{{- /* Secrets are for the group alone: chartferry warns of passwords that everybody may read. */ -}}
{{- define "chartferry.volumes" -}}
{{- $root := .root }}
{{- $v := $root.Values }}
{{- $credentials := include "chartferry.credentials" $root }}
volumes:
  - name: config
    configMap:
      name: {{ include "chartferry.configMap" $root }}
      items:
        - key: {{ include "chartferry.configKey" $root | quote }}
          path: config.toml
  - name: state
    {{- if .keep }}
    persistentVolumeClaim:
      claimName: {{ include "chartferry.claim" $root }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ $v.stateSizeLimit }}
    {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: {{ $v.tmpSizeLimit }}
  {{- if $credentials }}
  - name: registry
    secret:
      secretName: {{ $credentials }}
      defaultMode: 0440
      items:
        - key: {{ ternary $v.registryCredentials.key ".dockerconfigjson" (ne $v.registryCredentials.existingSecret "") | quote }}
          path: config.json
  {{- end }}
  {{- range $at, $secret := $v.secretMounts }}
  - name: secret-{{ $at }}
    secret:
      secretName: {{ $secret.name }}
      defaultMode: 0440
  {{- end }}
  {{- if .serves }}
  {{- with $v.http.triggerToken }}
  {{- if .existingSecret }}
  - name: trigger
    secret:
      secretName: {{ .existingSecret }}
      defaultMode: 0440
      items:
        - key: {{ .key | quote }}
          path: token
  {{- end }}
  {{- end }}
  {{- end }}
  {{- with $v.caBundle }}
  {{- if .configMap }}
  - name: ca
    configMap:
      name: {{ .configMap }}
      items:
        - key: {{ .key | quote }}
          path: ca.crt
  {{- else if .secret }}
  - name: ca
    secret:
      secretName: {{ .secret }}
      defaultMode: 0440
      items:
        - key: {{ .key | quote }}
          path: ca.crt
  {{- end }}
  {{- end }}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "chartferry.placement" -}}
{{- $root := .root }}
{{- $v := $root.Values }}
{{- if $v.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $v.topologySpreadConstraints | nindent 2 }}
{{- else if include "chartferry.leads" $root }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "chartferry.selectorLabels" $root | nindent 8 }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "hostAliases" "dnsConfig" "priorityClassName" }}
{{- with get $v $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Labels and annotations of a pod. Without the chart's version: a new chart that changes nothing restarts nothing. */ -}}
{{- define "chartferry.podMetadata" -}}
labels:
  {{- include "chartferry.selectorLabels" . | nindent 2 }}
  {{- with omit (mergeOverwrite (deepCopy .Values.labels) .Values.podLabels) "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with mergeOverwrite (deepCopy .Values.annotations) .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Arguments of a run, for CronJob and Job. Takes `root` and `more`. */ -}}
{{- define "chartferry.runArgs" -}}
{{- $run := .root.Values.run }}
{{- $args := list "migrate" "--config" "/etc/chartferry/config.toml" }}
{{- $args = concat $args .more }}
{{- with $run.exitZeroOn }}
{{- $args = append $args (printf "--exit-zero-on=%s" (join "," .)) }}
{{- end }}
{{- $args = concat $args .root.Values.extraArgs }}
{{- with $run.mirrors }}
{{- $args = concat $args (prepend . "--") }}
{{- end }}
{{- toJson $args }}
{{- end }}
