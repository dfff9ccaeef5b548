# What a mission must never be given unasked: each way by which this provider makes a container root on the machine.
# story.sh plans it for a sample, with the provider of its mission, and never applies it.
resource "docker_image" "nginx" {
  name         = "nginx:alpine"
  keep_locally = true
}

resource "docker_volume" "root_by_options" {
  name = "root_by_options"
  driver_opts = {
    type   = "none"
    o      = "bind"
    device = "/"
  }
}

resource "docker_container" "danger" {
  name         = "danger"
  image        = docker_image.nginx.image_id
  privileged   = true
  network_mode = "host"
  pid_mode     = "host"
  ipc_mode     = "host"
  userns_mode  = "host"

  capabilities {
    add = ["SYS_ADMIN"]
  }
  devices {
    host_path = "/dev/kmsg"
  }
  volumes {
    host_path      = "/var/run/docker.sock"
    container_path = "/var/run/docker.sock"
  }
  volumes {
    volume_name    = docker_volume.root_by_options.name
    container_path = "/host"
  }
  # Known only after the apply, so that the plan cannot say which folder of the machine it is.
  volumes {
    host_path      = docker_volume.root_by_options.mountpoint
    container_path = "/unknown"
  }
  mounts {
    type   = "bind"
    source = "/etc"
    target = "/host-etc"
  }
  ports {
    internal = 80
    external = 8082
    ip       = "0.0.0.0"
  }
}
