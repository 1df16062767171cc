module github.com/xormsdhkdwk/multinic/hack/cluster/images/pause

go 1.26.0
