# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# One static binary and nothing else: no shell, no packages to patch. make docker-build
# compiles it first, so building the image needs no base image and no network. Time zones
# are in the binary.
FROM scratch
ARG TARGETOS=linux
ARG TARGETARCH
COPY bin/${TARGETOS}_${TARGETARCH}/multinic /multinic
# Numeric, so that runAsNonRoot can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/multinic"]
