#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# load-image.sh TAR...: imports images into the running cluster. Pods that use them need
# imagePullPolicy IfNotPresent or Never; the default for :latest is Always.
set -euo pipefail
. "$(dirname "$0")/env.sh"
# shellcheck source=/dev/null
for part in processes services; do . "$SCRIPT_DIR/lib/$part.sh"; done

[ $# -gt 0 ] || die "which tar?"
pid_of init >/dev/null || die "the cluster is not up: make cluster-up"
import_images "$@"
