"use strict";

// What the page says stands in it in English. Here is the same in Chinese.

const CHINESE = {
  "Skip to what would be shown": "跳到推荐列表",
  "For developers": "开发者接口",

  "There is no page here": "这里没有页面",
  "Perhaps a letter of the address is wrong.": "地址可能输错了。",
  "To the first page": "回到首页",

  "Almost there": "就差一步",
  "This page comes to life once Endcap has learnt from your shop’s past. In the shop folder, run:":
    "Endcap 从商店的历史数据中学习之后，本页即可使用。请在商店文件夹中运行：",
  "reads your orders, clicks and products": "读取订单、点击和商品",
  "cleans them and tells you what it found": "清洗数据，并报告结果",
  "learns, and goes live by itself": "学习，并自动上线",
  "There is no need to reload: this page looks again every few seconds.": "无需刷新，本页每隔几秒自动检查。",

  "Shoppers": "顾客",
  "Pick a shopper": "选择顾客",
  "Search by id": "按编号搜索",
  "Someone new": "新顾客",
  "no past": "无历史",
  "{n} purchase": "{n} 次购买",
  "{n} purchases": "{n} 次购买",
  "No shopper has “{search}” in their number.": "没有编号含“{search}”的顾客。",
  "No shoppers yet.": "还没有顾客。",

  "What Endcap would show": "Endcap 的推荐",
  "Shown to shopper {id}": "展示给顾客 {id}",
  "Shown to someone new": "展示给新顾客",
  "Which list": "哪个列表",
  "For you": "为您推荐",
  "New to you": "没买过的",
  "Buy again": "再次购买",
  "Trending": "热门",
  "The best guess at what they want next, from everything they did.": "根据顾客的全部行为，推测接下来想要什么。",
  "Only what they have never bought.": "只含顾客从未买过的商品。",
  "What they bought before and may be running out of.": "顾客买过、可能快用完的商品。",
  "What everyone buys at the moment.": "大家最近都在买的商品。",
  "What everyone likes, since nothing is known of them yet. Click something.":
    "还不了解这位顾客，所以展示大家都喜欢的。请点击一件商品。",
  "The list changed: {fresh} new, {up} moved up.": "列表已更新：新增 {fresh} 件，上升 {up} 件。",
  "The list stays as it is.": "列表没有变化。",
  "They have bought nothing yet.": "这位顾客还没有买过东西。",
  "There is nothing to show.": "没有可展示的商品。",
  "Look at it": "查看",
  "Add to basket": "加入购物车",
  "Buy": "购买",
  "New": "新",

  "What they did": "顾客的行为",
  "What you click here is kept as done by them.": "您在此处的点击会记为该顾客的行为。",
  "Nothing yet. Click an item, and it will stand here.": "还没有。点击一件商品，就会显示在这里。",
  "and {n} more": "还有 {n} 项",
  "Today": "今天",
  "bought": "购买",
  "put in basket": "加入购物车",
  "looked at": "查看",
  "wished for": "收藏",
  "at the checkout": "结算",
  "rated": "评价",

  "The service can’t be reached.": "无法连接服务。",
  "The service can’t be reached. Is it still running?": "无法连接服务。它还在运行吗？",
};

/** The language of the page, and of the reasons that it asks for: en or zh. */
const LANGUAGE = navigator.languages.map((one) => one.slice(0, 2)).find((one) => ["en", "zh"].includes(one)) || "en";

/** A sentence in the language of the page, with values where it says {name}. */
function say(english, values = {}) {
  const sentence = (LANGUAGE === "zh" && CHINESE[english]) || english;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Put what a part of the document says into the language of the page. */
function translate(part) {
  for (const node of part.querySelectorAll("[data-say]")) {
    if (node.placeholder) node.placeholder = say(node.placeholder);
    else if (node.ariaLabel) node.ariaLabel = say(node.ariaLabel);
    else node.textContent = say(node.textContent);
  }
}

document.documentElement.lang = LANGUAGE;
translate(document);
