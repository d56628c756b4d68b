# Adds to ../envoy/envoy-http.yaml what this service needs: sed -f envoy.sed ../envoy/envoy-http.yaml
/- match: { prefix: \/ }$/e cat envoy-sign-up.yaml
/- name: envoy.filters.http.ext_authz$/e cat envoy-conflict.yaml
