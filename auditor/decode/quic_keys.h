// Initial packet protection of QUIC (RFC 9001 §5, RFC 9369 §3): what differs between versions, keys from a connection
// id, the mask of the header, and opening a payload. OpenSSL's contexts are made once and no operator new is called
// after that; OpenSSL 3.0 itself takes a small piece of memory for each of the ten hashes of a derivation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "auditor/decode/frame.h"

namespace airtight::audit {

struct QuicVersion {
  std::uint32_t number;
  std::array<std::uint8_t, 20> salt;
  std::string_view key_label, iv_label, hp_label;
  std::uint8_t initial_type, retry_type;  // bits 4 and 5 of the first byte
  bool chlo;  // CRYPTO frames carry Google's CHLO, not TLS, and frames have Google's numbers
};

// Versions whose Initial keys are public; nullptr for others.
const QuicVersion* find_quic_version(std::uint32_t number);

enum class QuicSender : std::uint8_t { Client, Server };

struct QuicKeys {
  std::array<std::uint8_t, 16> key;
  std::array<std::uint8_t, 12> iv;
  std::array<std::uint8_t, 16> hp;
};

class QuicCrypto {
 public:
  static constexpr std::size_t kSample = 16;
  static constexpr std::size_t kTag = 16;

  QuicCrypto();  // std::runtime_error if OpenSSL lacks an algorithm
  ~QuicCrypto();
  QuicCrypto(const QuicCrypto&) = delete;
  QuicCrypto& operator=(const QuicCrypto&) = delete;

  // `connection` is the destination connection id of the client's first Initial.
  QuicKeys derive(const QuicVersion&, Bytes connection, QuicSender);
  // Of the first byte and the packet number, §5.4.1; `sample` has kSample bytes.
  std::array<std::uint8_t, 5> mask(const QuicKeys&, Bytes sample);
  // `header` is authenticated as the pieces stand one after another. True if the tag, the last kTag bytes of `sealed`,
  // is right; `plain` takes the bytes before it, and holds nothing of use otherwise.
  bool open(const QuicKeys&, std::uint64_t number, const std::array<Bytes, 3>& header, Bytes sealed,
            std::uint8_t* plain);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace airtight::audit
