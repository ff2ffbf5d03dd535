"""Units as documents print them → codes of UN/ECE Recommendations 20 and 21 (EN 16931, BT-130)."""

PIECE = "C62"
OTHER = "ZZ"  # "mutually defined"

_BY_CODE = {
    "C62": "piece pieces pc pcs pce stk stck stück stueck st ea each unit units u nos no nr item",
    "KGM": "kg kgs kilo kilogram kilograms kilogramm",
    "GRM": "g gr gram grams gramm",
    "TNE": "t to ton tons tonne tonnes tonnen",
    "LTR": "l ltr ltrs liter litre liters litres",
    "MLT": "ml",
    "MTR": "m mtr meter metre meters metres lfm",
    "CMT": "cm",
    "MMT": "mm",
    "KMT": "km",
    "MTK": "m2 m² qm sqm",
    "MTQ": "m3 m³ cbm",
    "KWH": "kwh",
    "HUR": "h hr hrs hour hours std stunde stunden",
    "MIN": "min minute minutes minuten",
    "DAY": "d day days tag tage",
    "WEE": "week weeks woche wochen",
    "MON": "month months monat monate",
    "ANN": "year years jahr jahre",
    "SET": "set sets satz",
    "PR": "pair pairs paar",
    "DZN": "dozen dz dzd dutzend",
    "LS": "lump lumpsum pauschal pauschale psch",
    "XBX": "box boxes kiste kisten",
    "XCT": "carton cartons ctn karton kartons",
    "XBG": "bag bags sack säcke beutel",
    "XBO": "bottle bottles flasche flaschen",
    "XPK": "pack packs package pkt packung packungen paket pakete",
    "XPX": "pallet pallets palette paletten",
    "XRO": "roll rolls rolle rollen",
    "P1": "% percent prozent",
}
_CODES = {word: code for code, words in _BY_CODE.items() for word in words.split()}
# Further codes that e-invoices name.
_OTHERS = (
    "H87 EA NAR NPR PCE E48 E49 LM MTS TST ZZ XPP XPA XCS XCR XCA XTU XSA XPC XNE MWH GWH WHR KWT "
    "GB E34 E35 SEC DMT FOT INH YRD LBR ONZ GLL GLI PTI HLT DLT CLT MGM DTN STN 4L A99 IE NMP BB"
)
_KNOWN = {*_BY_CODE, *_OTHERS.split()}


def unit_code(unit: str | None) -> str:
    """Return the code of a unit: PIECE where none is named, OTHER for one that is not known."""
    if unit is None:
        return PIECE
    if unit in _KNOWN:
        return unit
    return _CODES.get(unit.casefold().rstrip("."), OTHER)
