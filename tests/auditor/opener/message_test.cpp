#include "auditor/opener/message.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

Request of(Operation operation, std::uint32_t id = 7) {
  Request request;
  request.id = id;
  request.operation = operation;
  return request;
}

TEST_CASE("a request that was encoded is read as it was") {
  std::vector<Request> requests{of(Operation::RulesetGeneration, 0xfffffffe), of(Operation::ReadRulesets)};
  for (const SocketKind kind : {SocketKind::PacketRaw, SocketKind::PacketCooked, SocketKind::PacketMarked,
                                SocketKind::PodUdp4, SocketKind::PodUdp6, SocketKind::RulesetEvents}) {
    requests.push_back(of(Operation::OpenSocket));
    requests.back().kind = kind;
  }
  requests.push_back(of(Operation::ProgramName));
  requests.back().number = 0x01020304;
  for (const char* family : {"ip", "ip6", "inet", "arp", "bridge", "netdev"}) {
    requests.push_back(of(Operation::Counters));
    requests.back().family = family;
    requests.back().table = "airtight_egress";
  }
  for (const Request& request : requests) {
    std::uint32_t id = 0;
    CHECK(parse_request(encode_request(request), id) == request);
    CHECK(id == request.id);
  }
}

TEST_CASE("whatever is no request is refused, by its number if it has one") {
  using namespace std::string_literals;
  const std::string id = "\0\0\0\7"s;
  const struct {
    std::string bytes;
    std::uint32_t id;
  } refused[] = {{"", 0},
                 {"\0\0\0"s, 0},
                 {id, 7},
                 {id + "\0"s, 7},
                 {id + "\6", 7},
                 {id + "\6\0\0\0"s, 7},  // too short
                 {id + "\7", 7},
                 {id + "\7\0\0\0\0"s, 7},
                 {id + "\xff", 7},
                 {id + "\1", 7},         // no kind
                 {id + "\1\6", 7},       // no such kind
                 {id + "\1\0\0"s, 7},    // too long
                 {id + "\2 ", 7},        // too long
                 {id + "\4\0"s, 7},      // too long
                 {id + "\5\0\0\0"s, 7},  // too short
                 {id + "\5\0\0\0\0\0"s, 7},
                 {id + "\3", 7},
                 {id + "\3inet", 7},
                 {id + "\3inet ", 7},
                 {id + "\3 airtight", 7},
                 {id + "\3INET airtight", 7},
                 {id + "\3inet air tight", 7},
                 {id + "\3inet airtight; flush ruleset", 7},
                 {id + "\3inet airtight\n", 7},
                 {id + "\3inet airtight\0"s, 7},
                 {id + "\3inet \"airtight\"", 7},
                 {id + "\3inet 1", 7},
                 {id + "\3inet -f", 7},
                 {id + "\3inet ../etc", 7},
                 {id + "\3inet " + std::string(65, 'a'), 7},
                 {id + "\3inet " + std::string(1000, 'a'), 7}};
  for (const auto& row : refused) {
    std::uint32_t told = 99;
    INFO(row.bytes);
    CHECK_FALSE(parse_request(row.bytes, told));
    CHECK(told == row.id);
  }
}

TEST_CASE("a reply that was encoded is read as it was") {
  for (const Reply& reply : {Reply{1, 0, ""}, Reply{0xffffffff, 4095, "text"}, Reply{2, 0, std::string(9, '\0')}})
    CHECK(parse_reply(encode_reply(reply)) == reply);
}

TEST_CASE("a reply that is too short, too long or has no error of the kernel's is none") {
  CHECK_FALSE(parse_reply(""));
  CHECK_FALSE(parse_reply(std::string(7, '\0')));
  CHECK(parse_reply(std::string(8, '\0')));
  CHECK_FALSE(parse_reply(encode_reply({1, 4096, ""})));
  CHECK_FALSE(parse_reply(encode_reply({1, -1, ""})));
  CHECK(parse_reply(std::string(kMaxReply, '\0')));
  CHECK_FALSE(parse_reply(std::string(kMaxReply + 1, '\0')));
}

}  // namespace
}  // namespace airtight::audit
