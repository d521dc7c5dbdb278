"""Operations of a private registry that never lose an image. Standard library only: runs as `python3 -m ops` in the ops container."""
