// Sockets of each kind, made by the opener.
#pragma once

#include <string>
#include <system_error>

#include "auditor/opener/opener.h"

namespace airtight::audit {

class SocketMaker {
 public:
  // Makes the sockets of the pod's namespace, which needs CAP_SYS_ADMIN, and comes back; without a path there are none
  // (std::errc::network_unreachable). Throws std::system_error where the path is no network namespace or is our own.
  void enter(const std::string& pod_namespace);
  std::error_code make(SocketKind kind, Fd& socket) const;

 private:
  struct PodSocket {
    Fd socket;
    std::error_code error = std::make_error_code(std::errc::network_unreachable);
  };
  PodSocket pod4_, pod6_;
};

}  // namespace airtight::audit
