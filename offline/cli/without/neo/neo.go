// Package neo without Pulumi's assistant, which only Pulumi Cloud has.
package neo

import (
	"errors"

	"github.com/spf13/cobra"
)

// NewNeoCmd returns a command that says where to get `pulumi neo`.
func NewNeoCmd() *cobra.Command {
	return &cobra.Command{
		Use:                "neo",
		Short:              "Not in the offline kit's CLI",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("`pulumi neo` is not in the offline kit's CLI (offline/README.md): install Pulumi's own")
		},
	}
}
