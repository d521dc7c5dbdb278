package schemainfo

import "strings"

// RenderDescription returns a description's Markdown as it is: what renders it for a terminal knows the syntax of a hundred languages.
func RenderDescription(comment string) string {
	return strings.TrimSpace(comment)
}
