"""A picture for every product, drawn on demand: its first letter on a tile in its category's colour."""

import zlib
from html import escape

_HUES = {
    "Fruit": 8,
    "Vegetables": 130,
    "Bakery": 36,
    "Drinks": 195,
    "Kitchen": 222,
    "Clothing": 282,
    "Books": 345,
    "Stationery": 250,
    "Home": 165,
}

# Each sign is drawn in strokes on a field of 100 by 100.
_SIGNS = {
    "Fruit": "M50 34c-9-7-27-4-27 18 0 20 15 32 27 26 12 6 27-6 27-26 0-22-18-25-27-18zM50 34c0-9 4-15 12-17",
    "Vegetables": "M62 40c8 8 1 16-5 22L25 83l-4-4 21-32c6-6 12-15 20-7zM62 40c0-9 4-15 10-19M62 40c9 0 15-4 19-10",
    "Bakery": "M20 58c0-16 14-28 30-28s30 12 30 28v10c0 4-3 6-6 6H26c-3 0-6-2-6-6zM38 38l-6 12M52 36l-6 14M66 38l-6 12",
    "Drinks": "M26 34h42v22c0 13-9 20-21 20s-21-7-21-20zM68 40h6c10 0 10 20-6 20M38 25c0-4 4-4 4-8M52 25c0-4 4-4 4-8",
    "Kitchen": "M24 44h52v22c0 6-4 10-10 10H34c-6 0-10-4-10-10zM20 44h60M44 36c0-8 12-8 12 0M24 54h-9M76 54h9",
    "Clothing": "M38 24c3 8 21 8 24 0l20 12-7 14-9-4v32H34V46l-9 4-7-14z",
    "Books": "M50 34c-8-7-18-9-30-9v46c12 0 22 2 30 9 8-7 18-9 30-9V25c-12 0-22 2-30 9zM50 34v46",
    "Stationery": "M28 76l3-15 36-36 12 12-36 36zM61 31l12 12M31 61l12 12",
    "Home": "M22 50l28-26 28 26M30 44v32h40V44M44 76V58h12v18",
}
_PARCEL = "M24 38l26-14 26 14v28L50 80 24 66zM24 38l26 14 26-14M50 52v28"


def _spread(sku: str) -> int:
    return zlib.crc32(sku.encode()) % 31 - 15


def drawn(sku: str, *, title: str, category: str) -> str:
    """The tile as SVG."""
    hue = (_HUES.get(category, 205) + _spread(sku)) % 360
    letter = escape(next((sign for sign in title if sign.isalnum()), "?").upper())
    turn = _spread(sku[::-1])
    ink, paper = f"hsl({hue} 42% 30%)", f"hsl({hue} 45% 88%)"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 140">'
        f'<rect width="210" height="140" fill="{paper}"/>'
        f'<circle cx="{170 + turn}" cy="{20 - turn}" r="66" fill="hsl({hue} 50% 82%)"/>'
        f'<circle cx="{26 + turn}" cy="136" r="48" fill="hsl({(hue + 24) % 360} 50% 83%)"/>'
        f'<text x="105" y="92" text-anchor="middle" font-family="Georgia,serif" font-size="62" font-weight="700"'
        f' fill="{ink}">{letter}</text>'
        f'<g transform="translate(166 96) scale(0.36)" fill="none" stroke="{ink}" stroke-width="7"'
        f' stroke-linecap="round" stroke-linejoin="round"><path d="{_SIGNS.get(category, _PARCEL)}"/></g></svg>'
    )
