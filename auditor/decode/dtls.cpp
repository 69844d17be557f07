#include "auditor/decode/byte_reader.h"
#include "auditor/decode/client_hello.h"
#include "auditor/decode/tls.h"

namespace airtight::audit {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
// A client's hello is its first message, or its second after HelloVerifyRequest or HelloRetryRequest. A later number
// would be kept by a server for later while it waits for another hello.
constexpr std::uint16_t kLastHelloSequence = 1;

bool plain_record(std::uint8_t type, std::uint16_t version) {
  return type >= 20 && type <= 26 && version >= 0xfefc && version <= 0xfeff;
}

// What the hellos of one datagram say together.
class Hellos {
 public:
  explicit Hellos(ClientHello& hello) : hello_(hello) { clear_hello(hello); }

  HelloStatus status() const { return status_; }
  void malformed() {
    status_ = HelloStatus::Malformed;
    clear_hello(hello_);
  }

  // `fragment` stands at `offset` of a message body of `total` bytes.
  void add(Bytes fragment, std::size_t offset, std::size_t total) {
    ClientHello read;
    const HelloStatus status =
        offset == 0 ? read_client_hello_body(fragment, total, HelloWire::Dtls, read) : HelloStatus::NeedMore;
    if (status == HelloStatus::Malformed) return malformed();
    if (status_ == HelloStatus::Found) {
      // Two hellos, two names: nobody can say which one the server answers.
      if (status == HelloStatus::Found && read.server_name.text() != hello_.server_name.text()) malformed();
      return;
    }
    status_ = status;
    if (status == HelloStatus::Found) hello_ = read;
  }

 private:
  ClientHello& hello_;
  HelloStatus status_ = HelloStatus::NotHello;
};

// The messages of one record (RFC 6347 §4.2.2). Those that are no ClientHello are passed over.
void read_messages(Bytes record, Hellos& hellos) {
  ByteReader reader(record);
  while (reader.left() != 0 && hellos.status() != HelloStatus::Malformed) {
    const std::uint8_t type = reader.u8();
    const std::size_t total = reader.u24();
    const std::uint16_t sequence = reader.u16();
    const std::size_t offset = reader.u24();
    const std::size_t length = reader.u24();
    const Bytes fragment = reader.take(length);
    if (type != kClientHelloType) continue;  // a failed reader has nothing left
    const bool fits = reader.ok() && offset + length <= total && total <= kMaxHello - kHandshakeHeader;
    if (!fits || sequence > kLastHelloSequence) return hellos.malformed();
    hellos.add(fragment, offset, total);
  }
}

}  // namespace

HelloStatus read_dtls_client_hello(Bytes datagram, ClientHello& hello) {
  Hellos hellos(hello);
  ByteReader reader(datagram);
  while (reader.left() != 0 && hellos.status() != HelloStatus::Malformed) {
    const std::uint8_t type = reader.u8();
    const std::uint16_t version = reader.u16();
    const std::uint16_t epoch = reader.u16();
    reader.skip(6);
    const std::size_t length = reader.u16();
    if (!reader.ok() || !plain_record(type, version)) break;
    const bool plain_handshake = type == kHandshakeRecord && epoch == 0;
    if (length > reader.left()) {
      if (plain_handshake && reader.left() != 0 && reader.rest()[0] == kClientHelloType) hellos.malformed();
      break;
    }
    const Bytes record = reader.take(length);
    if (plain_handshake) read_messages(record, hellos);
  }
  return hellos.status();
}

}  // namespace airtight::audit
