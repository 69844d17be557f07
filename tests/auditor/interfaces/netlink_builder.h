// Messages as the kernel makes them.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "auditor/interfaces/netlink.h"

namespace airtight::audit {

class NetlinkBuilder {
 public:
  NetlinkBuilder() = default;
  template <typename Header>
  explicit NetlinkBuilder(const Header& header) {
    netlink::append(bytes_, header);
  }
  template <typename T>
  NetlinkBuilder& value(std::uint16_t type, T value) {
    return bytes(type, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  }
  NetlinkBuilder& text(std::uint16_t type, std::string_view text) { return bytes(type, std::string(text) + '\0'); }
  NetlinkBuilder& nested(std::uint16_t type, const NetlinkBuilder& inner) {
    return bytes(type | NLA_F_NESTED,
                 std::string_view(reinterpret_cast<const char*>(inner.bytes_.data()), inner.bytes_.size()));
  }
  NetlinkBuilder& bytes(std::uint16_t type, std::string_view value) {
    netlink::append(bytes_, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type});
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
    return *this;
  }
  const std::vector<std::uint8_t>& body() const { return bytes_; }
  netlink::Bytes message(std::uint16_t type, std::uint16_t flags = 0) {
    whole_.clear();
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + bytes_.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    netlink::append(whole_, header);
    whole_.insert(whole_.end(), bytes_.begin(), bytes_.end());
    return whole_;
  }

 private:
  std::vector<std::uint8_t> bytes_, whole_;
};

}  // namespace airtight::audit
