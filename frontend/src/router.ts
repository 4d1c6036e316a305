// The pages. The path under which the server lives is read from the document's base.
import SetupPage from '@/features/auth/SetupPage.vue'
import JobsPage from '@/features/jobs/JobsPage.vue'
import { createRouter, createWebHistory, type Router } from 'vue-router'

export function newRouter(): Router {
  return createRouter({
    history: createWebHistory(new URL(document.baseURI).pathname),
    routes: [
      { path: '/', name: 'jobs', component: JobsPage },
      { path: '/setup', name: 'setup', component: SetupPage },
      { path: '/:rest(.*)*', redirect: '/' },
    ],
  })
}
