"""What continuous integration does with stacks: which ones a change touches, previews and drift as Markdown, and what is said on GitHub.

Everything that is no preview itself runs on a plain Python: the jobs that only decide or report install nothing.
"""
