//go:build tools

// Package servers pins the OCI registry that the tests start; nothing here is shipped.
package servers

import (
	_ "github.com/distribution/distribution/v3/cmd/registry"
)
