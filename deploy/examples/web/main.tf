terraform {
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = ">= 3.3.0, < 5.0.0"
    }
  }
}

variable "port" {
  description = "The port of this machine at which nginx answers; on the loopback address alone."
  type        = number
  default     = 8080
}

variable "image" {
  description = "The image to run. One that the engine has is not pulled."
  type        = string
  default     = "nginx:alpine"
}

resource "docker_network" "private" {
  name = "quarterdeck-web"
}

resource "docker_image" "nginx" {
  name         = var.image
  keep_locally = true
}

resource "docker_container" "web" {
  name  = "quarterdeck-web"
  image = docker_image.nginx.image_id

  networks_advanced {
    name = docker_network.private.name
  }

  ports {
    internal = 80
    external = var.port
    ip       = "127.0.0.1"
  }
}

output "address" {
  description = "Where nginx answers."
  value       = "http://127.0.0.1:${var.port}/"
}
