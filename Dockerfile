# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# One static binary and the public certificate authorities: no shell, no packages to
# patch. make docker-build compiles and copies them first, so building the image needs no
# base image and no network. Time zones are in the binary. make image writes the same
# without Docker.
FROM scratch
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=v1alpha1-dev
LABEL org.opencontainers.image.title=multinic org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0
COPY bin/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY bin/${TARGETOS}_${TARGETARCH}/multinic /multinic
# Numeric, so that runAsNonRoot can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/multinic"]
