{{- /*
What becomes of a pod by its exit code. 1 (configuration), 3 (drift) and 6 (safety limit) stay as they are until a person acts, so
repeating the run would only repeat the message; a pod that the cluster took away (drained node, preemption) does not count as a
try. Everything else, such as a registry that was down, is repeated `run.backoffLimit` times. Takes the action as text.
*/ -}}
{{- define "chartferry.podFailurePolicy" -}}
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    - action: {{ . }}
      onExitCodes:
        containerName: chartferry
        operator: In
        values: [1, 3, 6]
{{- end }}

{{- define "chartferry.runLimits" -}}
{{- with .Values.run.activeDeadlineSeconds }}
activeDeadlineSeconds: {{ int64 . }}
{{- end }}
{{- if not (kindIs "invalid" .Values.run.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ int64 .Values.run.ttlSecondsAfterFinished }}
{{- end }}
{{- end }}
