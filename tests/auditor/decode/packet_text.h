// Packets put together from parts and a decoded packet as one line of text, for the tests of decode().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/decode/packet.h"

namespace airtight::audit {

// Bytes from hex; anything that is no hex digit is ignored.
std::string hex(std::string_view digits);
std::string u16(unsigned value);
std::string u32(std::uint32_t value);

// Headers with right lengths in front of `payload`. Addresses are written as text.
std::string eth(unsigned type, const std::string& payload);
std::string ip4(unsigned protocol, std::string_view source, std::string_view destination, const std::string& payload,
                const std::string& options = {}, unsigned fragment = 0);
std::string ip6(unsigned next, std::string_view source, std::string_view destination, const std::string& payload);
std::string tcp(unsigned source, unsigned destination, const std::string& payload = {});
std::string udp(unsigned source, unsigned destination, const std::string& payload = {});

// "OUTCOME[: why]", what the outermost link showed, then every level, each separated by "; ". Only fields that are
// valid.
std::string describe(const Packet&);
std::string describe(LinkType, const std::string& bytes, const TunnelPorts& = {}, std::uint32_t original = 0);

// What the packet claims that cannot be true of the frame; empty if nothing.
std::string contradiction(const Frame&, const Packet&);

struct Row {
  const char* name;
  LinkType link;
  std::string bytes;
  const char* expected;        // of describe()
  std::uint32_t original = 0;  // 0: all of it was captured
};
// Every packet of the tables, for the tests of properties.
std::vector<Row> link_rows();
std::vector<Row> network_rows();
std::vector<Row> transport_rows();
std::vector<Row> tunnel_rows();
// Ports that the tables take for declared.
TunnelPorts declared_ports();

void check(const std::vector<Row>&);

}  // namespace airtight::audit
