#include "auditor/opener/passing.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "auditor/opener/message.h"

namespace airtight::audit {

bool send_with_fd(int socket, std::string_view bytes, int fd) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  if (fd >= 0) {
    envelope.msg_control = control;
    envelope.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&envelope);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &envelope, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

std::error_code receive_with_fd(int socket, std::string& bytes, Fd& fd) {
  bytes.resize(kMaxReply);
  iovec part{bytes.data(), bytes.size()};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  envelope.msg_control = control;
  envelope.msg_controllen = sizeof control;
  ssize_t size;
  do size = recvmsg(socket, &envelope, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size == 0 || (size < 0 && errno == ECONNRESET)) return std::make_error_code(std::errc::broken_pipe);
  if (size < 0) {
    return errno == EAGAIN ? std::make_error_code(std::errc::operation_would_block)
                           : std::error_code(errno, std::system_category());
  }
  bytes.resize(static_cast<std::size_t>(size));
  fd.reset();
  for (cmsghdr* header = CMSG_FIRSTHDR(&envelope); header != nullptr; header = CMSG_NXTHDR(&envelope, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int received;
    std::memcpy(&received, CMSG_DATA(header), sizeof received);
    fd = Fd(received);
  }
  if ((envelope.msg_flags & MSG_CTRUNC) != 0) return std::make_error_code(std::errc::too_many_files_open);
  if ((envelope.msg_flags & MSG_TRUNC) != 0) return std::make_error_code(std::errc::bad_message);
  return {};
}

}  // namespace airtight::audit
