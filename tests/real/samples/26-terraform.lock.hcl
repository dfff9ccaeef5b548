# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/kreuzwerker/docker" {
  version     = "3.0.2"
  constraints = "~> 3.0.2"
  hashes = [
    "h1:J8DYZn9VA+oPsXS0SaQOR9ateM0Z0Bwfopi6lL3SCwE=",
  ]
}
