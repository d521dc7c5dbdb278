// Package cloud without `pulumi api`: the OpenAPI library behind it takes a quarter of the CLI's build.
package cloud

import (
	"errors"

	"github.com/spf13/cobra"
)

// ParamSpec is named by the JSON shapes of `pulumi api`, which nothing writes here.
type ParamSpec struct{}

// NewAPICmd returns a command that says where to get `pulumi api`.
func NewAPICmd() *cobra.Command {
	return &cobra.Command{
		Use:                "api",
		Short:              "Not in the offline kit's CLI",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("`pulumi api` is not in the offline kit's CLI (offline/README.md): install Pulumi's own")
		},
	}
}
