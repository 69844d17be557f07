// What the opener asks nftables itself, a few system calls each; libnftables would read every set of the node for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/opener/opener.h"

namespace airtight::audit {

// One NETLINK_NETFILTER socket, made at the first question, and again after one that went wrong. One thread at a time.
class NetfilterNetlink {
 public:
  std::error_code generation(std::uint32_t& generation);
  // As Opener::counters(); names that JSON would have to escape are std::errc::bad_message.
  std::error_code counters(std::string_view family, std::uint8_t number, std::string_view table, std::string& json);
  struct Table {
    std::uint8_t family = 0;  // NFPROTO_*
    std::string name;
  };
  std::error_code tables(std::vector<Table>& tables);

 private:
  struct Message;
  std::error_code connect();
  template <typename Take>
  std::error_code ask(std::string request, bool dump, const Take& take);
  template <typename Take>
  std::error_code receive(bool dump, const Take& take);

  Fd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace airtight::audit
