"""What documents call supplier and customer, in the languages that invoices come in.

Labels are phrases of folded words, looked up word by word: an expression of as many alternatives
would be tried at each letter.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from extraction.evidence.lines import Line, box_around, gap_after
from extraction.evidence.printed_texts import Place, folded


class Says(Enum):
    """What a label tells of the name, or the id, that it stands at."""

    SUPPLIER = auto()
    CUSTOMER = auto()
    # Follows a customer's name: 御中.
    CUSTOMER_BEFORE = auto()
    # Bank, register and contact details, which issuers print of themselves.
    ISSUER = auto()
    # "Our VAT id", "your VAT id": of an id in the same line.
    OURS = auto()
    YOURS = auto()


_CUSTOMER = """
bill to|billed to|billing to|bill for|billed for|billing address|invoice to|invoiced to|invoice for
invoice address|sold to|ship to|shipped to|deliver to|delivered to|prepared for|customer|buyer
purchaser|client|recipient|bill recipient|m s|consignee|debtor
kunde|kundin|käufer|käuferin|auftraggeber|rechnung an|rechnungsempfänger|rechnungsadresse
rechnungsanschrift|leistungsempfänger|warenempfänger|besteller|debitor|empfänger
facturé à|facturée à|facturer à|adresse de facturation|destinataire|acheteur|acquéreur|cliente
facturar a|facturado a|facture a|cobrar a|datos del cliente|datos de cliente|destinatario|comprador
receptor|adquirente|señores|enviar a
fatturare a|fatturato a|intestata a|intestatario fattura|spett le|spettabile|cessionario
cessionario committente|committente|acquirente
destinatário|tomador|tomador do serviço|tomador de serviços|comprador|faturado a|faturar a
exmo s|exmo sr|exmos srs|adquirente
klant|factuuradres|factuur aan|gefactureerd aan|koper|afnemer|debiteur|opdrachtgever
nabywca|odbiorca|kupujący|zamawiający|płatnik
odběratel|zákazník|kupující|příjemce|odberateľ|kupujúci|vevő|vásárló|megrendelő
kupac|kupec|naručitelj|naročnik|prejemnik|primatelj|primalac|cumpărător|beneficiar
kund|köpare|faktureringsadress|fakturaadress|fakturamottagare|beställare|faktureras till
køber|faktureres til|faktura til|fakturamodtager|kunden|kjøper|fakturamottaker|mottaker
ostaja|asiakas|laskutusosoite|laskun saaja|vastaanottaja|ostja|maksja|pircējs|pirkėjas|mokėtojas
alıcı|sayın|müşteri|покупатель|заказчик|плательщик|грузополучатель|покупець|замовник|одержувач
получател|купувач|клиент|πελάτης|αγοραστής|στοιχεία πελάτη|لقب العميل|العميل|المشتري|فاتورة إلى
לכבוד|לקוח|क्रेता|ग्राहक|खरीददार|खरिदकर्ता|người mua|khách hàng|người mua hàng|đơn vị mua hàng
pembeli|pelanggan|kepada|kepada yth|ditagihkan kepada|ผู้ซื้อ|ลูกค้า
"""
_SUPPLIER = """
seller|supplier|vendor|sold by|issued by|issuer|invoiced by|billed by|remit to|payable to|pay to
payee|beneficiary|account holder|account name|service provider|merchant|shipper|creditor
lieferant|verkäufer|verkäuferin|auftragnehmer|rechnungssteller|rechnungsaussteller|aussteller
leistungserbringer|absender|kontoinhaber|zahlungsempfänger|verkauf durch|kreditor
fournisseur|vendeur|émetteur|prestataire|vendu par|titulaire|titulaire du compte|bénéficiaire
leverancier|verkoper|ten name van|t n v|rekeninghouder|crediteur
emisor|proveedor|vendedor|datos del emisor|prestador|titular|beneficiario|emitido por
fornitore|cedente|cedente prestatore|emittente|venditore|intestatario|intestatario conto
emitente|fornecedor|prestador de serviços|prestador do serviço|favorecido
sprzedawca|wystawca|dostawca|sprzedający|dodavatel|prodávající|dodávateľ|predávajúci|eladó
számlakibocsátó|szállító|prodavatelj|prodavac|prodajalec|izdajatelj|dobavljač|dobavitelj|furnizor
vânzător|prestator|säljare|leverantör|betalningsmottagare|sælger|leverandør|selger|myyjä
laskuttaja|saaja|müüja|pārdevējs|pardavėjas|satıcı|продавец|поставщик|исполнитель|получатель платежа
постачальник|продавець|виконавець|доставчик|продавач|πωλητής|προμηθευτής|εκδότης|البائع|المورد
विक्रेता|आपूर्तिकर्ता|người bán|đơn vị bán hàng|người bán hàng|penjual|ผู้ขาย
"""
_ISSUER = """
iban|bic|swift|hrb|hra|registergericht|amtsgericht|siret|siren|rcs|kvk|capital|capitale sociale|tel
telefon|telephone|telefono|teléfono|telefone|telefoon|téléphone|tlf|puh|fax|telefax|phone|email
e mail|mail|www|ust id|ust idnr|ust id nr|ustid|ustidnr|umsatzsteuer id|steuernummer|steuer nr
account no|account number|sort code|routing number|kontonummer|konto|bankgiro|plusgiro|rekening
compte|cuenta|conto|rea|krs|registro mercantil|banco|banca|banque|банк|бик
"""
_ISSUER_STEMS = ("bank", "konto", "geschaftsfuhr", "ustid")
_OURS = "our|unsere|unser|notre|onze|ons|nuestro|nuestra|nostra|nostro|nosso|nossa|vår|vores|nasze"
_YOURS = "your|ihre|ihr|votre|uw|su|vostra|vostro|sua|vosso|er|din|jeres|twój"
# Short words are labels where they begin and end a cell.
_CELLS = {
    Says.CUSTOMER: "to|attn|an|für|for|à|pour|aan|voor|para|per|för|til|till|do|dla|pro",
    Says.SUPPLIER: "from|by|von|de|van|från|fra|od",
}
# Languages that put no blanks between words: parts of one.
_PARTS = re.compile(
    "(?P<before>御中|様$|귀하|귀중)"
    "|(?P<customer>請求先|買主|買手|買い手|購入者|得意先|お客様|购买方|购方|购货|买方|購買方|買方|客户|客戶"
    "|付款单位|공급받는|구매자|고객)"
    "|(?P<supplier>発行者|発行元|請求元|売主|売手|売り手|販売者|供給者|销售方|销方|销货|卖方|銷售方|賣方"
    "|收款单位|공급자|판매자)"
    "|(?P<issuer>振込先|銀行|口座|登録番号|开户行|账号|계좌)"
)
_PART_SAYS = {
    "before": Says.CUSTOMER_BEFORE,
    "customer": Says.CUSTOMER,
    "supplier": Says.SUPPLIER,
    "issuer": Says.ISSUER,
}
# "Customer no. 4711" names nobody.
_NUMBERS = frozenset({
    *("no", "nr", "nº", "n", "number", "nummer", "numero", "num", "id", "code", "ref", "reference"),
    *("po", "service", "support", "care", "number", "nro", "číslo", "kod"),
})  # fmt: skip
_SEPARATORS = re.compile(r"[\s/:;,.()\[\]|#*°'’-]+")
_CELL_GAP = 1.4  # letters, as in the layout of text
_MOST_WORDS = 100  # of a line


@dataclass(frozen=True, slots=True)
class Label:
    """A label and where it stands."""

    says: Says
    place: Place


def _phrases() -> dict[str, list[tuple[tuple[str, ...], Says]]]:
    """Return the labels by their first word, the longest first."""
    texts = (
        *((_CUSTOMER, Says.CUSTOMER), (_SUPPLIER, Says.SUPPLIER), (_ISSUER, Says.ISSUER)),
        *((_OURS, Says.OURS), (_YOURS, Says.YOURS)),
    )
    found: dict[str, list[tuple[tuple[str, ...], Says]]] = {}
    for text, says in texts:
        for phrase in re.split(r"[|\n]", text.strip()):
            words = tuple(folded(word) for word in phrase.split())
            found.setdefault(words[0], []).append((words, says))
    for several in found.values():
        several.sort(key=lambda each: -len(each[0]))
    return found


_PHRASES = _phrases()
_SHORT = {folded(word): says for says, text in _CELLS.items() for word in text.split("|")}


def labels_of(line: Line) -> Iterator[Label]:
    """Yield the labels of a line, from the left."""
    tokens: list[str] = []
    owners: list[int] = []  # of each token the number of its word
    for number, word in enumerate(line.words[:_MOST_WORDS]):
        parts = [part for part in map(folded, _SEPARATORS.split(word.text)) if part]
        tokens += parts
        owners += [number] * len(parts)
        if not word.text.isascii():
            for found in _PARTS.finditer(word.text):
                says = _PART_SAYS[str(found.lastgroup)]
                yield Label(says, Place(line.page, line.from_ocr, word.box))
    end = 0
    for start, token in enumerate(tokens):
        if start < end:
            continue  # within the last label
        said = _said(line, tokens, owners, start)
        if said is not None:
            says, end = said
            words = line.words[owners[start] : owners[end - 1] + 1]
            yield Label(says, Place(line.page, line.from_ocr, box_around(words)))
        elif token.startswith(_ISSUER_STEMS):
            box = line.words[owners[start]].box
            yield Label(Says.ISSUER, Place(line.page, line.from_ocr, box))


def _said(
    line: Line, tokens: Sequence[str], owners: Sequence[int], start: int
) -> tuple[Says, int] | None:
    """Return what the label that begins with a token says, and where it ends; None for no label."""
    for words, says in _PHRASES.get(tokens[start], ()):
        end = start + len(words)
        if tuple(tokens[start:end]) != words:
            continue
        is_of_number = says is Says.CUSTOMER and end < len(tokens) and tokens[end] in _NUMBERS
        return None if is_of_number else (says, end)
    if tokens[start] in _SHORT and _is_cell(line, owners[start]):
        return _SHORT[tokens[start]], start + 1
    return None


def _is_cell(line: Line, number: int) -> bool:
    """Whether a word stands alone between two gaps, or ends with a colon."""
    begins = number == 0 or gap_after(line, number - 1) > _CELL_GAP
    last = number == len(line.words) - 1
    ends = line.words[number].text.endswith(":") or last or gap_after(line, number) > _CELL_GAP
    return begins and ends
