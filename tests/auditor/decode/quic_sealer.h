// Makes QUIC packets as a client or a server would (RFC 9001 §5), for tests and for the fuzzer.
#pragma once

#include <openssl/evp.h>

#include <stdexcept>

#include "auditor/decode/quic_keys.h"
#include "tests/auditor/decode/hello_builder.h"

namespace airtight::audit {

struct QuicPlan {
  std::uint32_t version = 1;
  Octets destination = from_hex("8394c8f03e515708");
  Octets source{};
  Octets keyed_by{};  // connection id that the keys derive from; the destination if empty
  Octets token{};
  std::uint64_t number = 0;
  std::size_t number_size = 4;
  std::uint8_t reserved = 0;  // bits 2 and 3 of the first byte
  std::uint8_t fixed = 0x40;
  QuicSender sender = QuicSender::Client;
};

inline void append_varint(Octets& to, std::uint64_t value) {
  const std::size_t power = value < 0x40 ? 0 : value < 0x4000 ? 1 : value < 0x40000000 ? 2 : 3;
  append_number(to, value | std::uint64_t{power} << (8 * (std::size_t{1} << power) - 2), std::size_t{1} << power);
}

inline Octets crypto_frame(const Octets& stream, std::size_t offset, std::size_t size = SIZE_MAX) {
  Octets out = {0x06};
  const auto begin = stream.begin() + static_cast<std::ptrdiff_t>(offset);
  const Octets data(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, stream.size() - offset)));
  append_varint(out, offset);
  append_varint(out, data.size());
  append(out, data);
  return out;
}

class QuicSealer {
 public:
  // An Initial with these frames; PADDING behind them until the packet has `least` bytes.
  Octets initial(const QuicPlan& plan, Octets frames, std::size_t least = 1200) {
    const QuicVersion* version = find_quic_version(plan.version);
    if (version == nullptr) throw std::logic_error("no such version");
    const std::size_t first = 0x80u | plan.fixed | std::size_t{version->initial_type} << 4 | plan.reserved;
    Octets packet = {static_cast<std::uint8_t>(first | (plan.number_size - 1))};
    append_number(packet, plan.version, 4);
    append(packet, counted(plan.destination, 1));
    append(packet, counted(plan.source, 1));
    append_varint(packet, plan.token.size());
    append(packet, plan.token);
    const std::size_t around = packet.size() + 2 + plan.number_size + QuicCrypto::kTag;
    if (around + frames.size() < least) frames.resize(least - around);
    append_number(packet, 0x4000 | (plan.number_size + frames.size() + QuicCrypto::kTag), 2);
    const std::size_t number_at = packet.size();
    append_number(packet, plan.number, plan.number_size);

    const QuicKeys keys =
        crypto_.derive(*version, plan.keyed_by.empty() ? plan.destination : plan.keyed_by, plan.sender);
    seal(keys, plan.number, packet, frames);
    const auto mask = crypto_.mask(keys, Bytes(packet).subspan(number_at + 4, QuicCrypto::kSample));
    packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
    for (std::size_t i = 0; i < plan.number_size; ++i) packet[number_at + i] ^= mask[i + 1];
    return packet;
  }

 private:
  // Appends the sealed frames to the header.
  void seal(const QuicKeys& keys, std::uint64_t number, Octets& packet, const Octets& frames) {
    auto nonce = keys.iv;
    for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
    Octets sealed(frames.size() + QuicCrypto::kTag);
    int size = 0;
    const auto length = [](const Octets& bytes) { return static_cast<int>(bytes.size()); };
    EVP_CIPHER_CTX* gcm = context_.get();
    if (EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data()) != 1 ||
        EVP_EncryptUpdate(gcm, nullptr, &size, packet.data(), length(packet)) != 1 ||
        EVP_EncryptUpdate(gcm, sealed.data(), &size, frames.data(), length(frames)) != 1 ||
        EVP_EncryptFinal_ex(gcm, sealed.data() + size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, QuicCrypto::kTag, sealed.data() + frames.size()) != 1)
      throw std::runtime_error("OpenSSL does not seal");
    append(packet, sealed);
  }

  QuicCrypto crypto_;
  std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context_{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
};

}  // namespace airtight::audit
