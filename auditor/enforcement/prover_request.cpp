#include "auditor/enforcement/prover_request.h"

#include <cassert>
#include <cstdint>
#include <limits>

namespace airtight::audit {
namespace {

constexpr std::string_view kMagic = "airtight proof request 1\n";

void put(std::string& bytes, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xffU);
}

void put(std::string& bytes, std::string_view text) {
  assert(text.size() <= std::numeric_limits<std::uint32_t>::max());
  put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

// Sticky: after a failure everything is empty.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool failed() const { return failed_; }
  bool at_end() const { return !failed_ && rest_.empty(); }

  std::string_view take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    for (const char c : take(4)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string text() { return std::string(take(number())); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::string encode_request(const ProverRequest& request) {
  std::string bytes(kMagic);
  put(bytes, request.seconds);
  put(bytes, to_string(request.at));
  put(bytes, request.policy_json);
  put(bytes, static_cast<std::uint32_t>(request.uplinks.size()));
  for (const std::string& uplink : request.uplinks) put(bytes, uplink);
  put(bytes, static_cast<std::uint32_t>(request.dumps.size()));
  for (const RulesetDump& dump : request.dumps) {
    put(bytes, dump.failed ? 1U : 0U);
    put(bytes, dump.tool);
    put(bytes, dump.text);
    put(bytes, dump.error);
  }
  return bytes;
}

std::optional<ProverRequest> decode_request(std::string_view bytes) {
  Bytes input(bytes);
  if (input.take(kMagic.size()) != kMagic) return std::nullopt;
  ProverRequest request;
  request.seconds = input.number();
  const std::optional<Date> at = Date::parse(input.text());
  if (!at) return std::nullopt;
  request.at = *at;
  request.policy_json = input.text();
  for (std::uint32_t left = input.number(); left > 0 && !input.failed(); --left)
    request.uplinks.push_back(input.text());
  for (std::uint32_t left = input.number(); left > 0 && !input.failed(); --left) {
    RulesetDump& dump = request.dumps.emplace_back();
    const std::uint32_t failed = input.number();
    if (failed > 1) return std::nullopt;
    dump.failed = failed == 1;
    dump.tool = input.text();
    dump.text = input.text();
    dump.error = input.text();
  }
  if (!input.at_end()) return std::nullopt;
  return request;
}

std::string encode_answer(std::string_view json) {
  std::string bytes;
  put(bytes, json);
  return bytes;
}

bool decode_answer(std::string_view bytes, std::string_view& json) {
  Bytes input(bytes);
  const std::uint32_t size = input.number();
  if (size > kMaxAnswer) return false;
  json = input.take(size);
  return input.at_end();
}

}  // namespace airtight::audit
