#include "auditor/agent/own_canaries.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

Nonce nonce(std::uint8_t value) {
  Nonce made{};
  made.fill(value);
  return made;
}
std::vector<std::uint8_t> frame_with(const Nonce& inside, std::size_t before = 42) {
  std::vector<std::uint8_t> bytes(before, 0x55);
  bytes.insert(bytes.end(), inside.begin(), inside.end());
  return bytes;
}
Frame frame(const std::vector<std::uint8_t>& bytes, Direction direction) {
  Frame made;
  made.bytes = bytes;
  made.original = static_cast<std::uint32_t>(bytes.size());
  made.direction = direction;
  return made;
}

TEST_CASE("our own canary at a pod's side is nobody's attempt, once") {
  OwnCanaries own;
  const auto bytes = frame_with(nonce(7));
  CHECK_FALSE(own.swallow(frame(bytes, Direction::Received), Role::PodSide));
  own.arm({nonce(7), nonce(8)});
  CHECK(own.swallow(frame(bytes, Direction::Received), Role::PodSide));
  CHECK_FALSE(own.swallow(frame(bytes, Direction::Received), Role::PodSide));
  CHECK_FALSE(own.left(nonce(7)));
  own.disarm();
  CHECK_FALSE(own.swallow(frame(bytes, Direction::Received), Role::PodSide));
}

TEST_CASE("one that leaves is judged, and the round hears of it") {
  OwnCanaries own;
  own.arm({nonce(7)});
  const auto bytes = frame_with(nonce(7), 100);  // in whatever wrapping
  CHECK_FALSE(own.swallow(frame(bytes, Direction::Received), Role::Uplink));
  CHECK_FALSE(own.left(nonce(7)));
  CHECK_FALSE(own.swallow(frame(bytes, Direction::Transmitted), Role::Uplink));
  CHECK(own.left(nonce(7)));
  CHECK_FALSE(own.left(nonce(9)));
}

TEST_CASE("others' frames are nobody's canaries") {
  OwnCanaries own;
  own.arm({nonce(7)});
  CHECK_FALSE(own.swallow(frame(frame_with(nonce(6)), Direction::Received), Role::PodSide));
  CHECK_FALSE(own.swallow(frame({1, 2, 3}, Direction::Received), Role::PodSide));
}

}  // namespace
}  // namespace airtight::audit
