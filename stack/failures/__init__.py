"""Why a deployment cannot work or did not, and what to do about it, whoever's plugins run."""
