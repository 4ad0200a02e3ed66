"""What others call the event types and the states of stock, case, blanks and hyphens aside."""

from __future__ import annotations

SYNONYMS = {
    "impression": (
        *("impressions", "show", "shown", "exposure", "expose", "view_item_list"),
        *("product_list_viewed", "product_list_filtered", "viewportions", "曝光", "展示"),
    ),
    "click": ("clicks", "clk", "select_item", "product_clicked", "点击"),
    "view": (
        *("pv", "views", "viewed", "pageview", "page_view", "detail", "product_view"),
        *("view_item", "detail_product_view", "item_view", "browse", "product_viewed"),
        *("detail_page_view", "detailviews", "浏览"),
    ),
    "search": (*("searched", "view_search_results", "products_searched", "搜索"),),
    "add_to_wishlist": (
        *("fav", "favorite", "favourite", "wishlist", "like", "liked", "collect", "save"),
        *("add_to_favorites", "addtowishlist", "product_added_to_wishlist", "star"),
        *("bookmark", "bookmarks", "bookmarked", "收藏"),
    ),
    "add_to_cart": (
        *("addtocart", "cart", "carts", "add", "basket", "add_to_basket", "addtobasket"),
        *("cart_add", "product_added", "cartadditions", "加购", "加入购物车"),
    ),
    "remove_from_cart": ("removefromcart", "remove", "cart_remove", "product_removed"),
    "begin_checkout": (
        *("begincheckout", "checkout", "initiate_checkout", "initiatecheckout"),
        "checkout_started",
    ),
    "purchase": (
        *("buy", "buys", "bought", "order", "orders", "ordered", "transaction", "purchased"),
        *("sale", "pay", "paid", "checkout_complete", "order_completed", "purchase_complete"),
        *("purchases", "购买", "下单", "支付"),
    ),
    "refund": (
        *("refunded", "return", "returned", "order_refunded", "order_cancelled", "退货", "退款"),
    ),
    "rate": (
        *("rating", "ratings", "rated", "review", "reviewed", "product_reviewed"),
        *("评分", "评价"),
    ),
    "dislike": ("disliked", "hide", "not_interested"),
}

STOCK = {
    "in_stock": ("instock", "available", "true", "yes", "limitedavailability", "有货"),
    "out_of_stock": ("outofstock", "soldout", "unavailable", "false", "no", "discontinued", "缺货"),
    "preorder": ("backorder", "presale", "预售"),
}
